"""Which template shows which view of the console, and in which section of the menu it stands."""

from types import MappingProxyType

from orchestrator.web import (
    account_views,
    console_invoice_views,
    console_routing_views,
    console_setup_views,
    console_views,
    console_work_views,
)
from orchestrator.web.console_navigation import Section

TEMPLATES: MappingProxyType[type, str] = MappingProxyType(
    {
        console_views.LoginView: "console/login.html",
        account_views.CodeView: "console/code.html",
        account_views.LinkView: "console/link.html",
        account_views.AccountView: "console/account.html",
        account_views.UsersView: "console/users.html",
        account_views.AuditView: "console/audit.html",
        console_views.ConfirmView: "console/confirm.html",
        console_views.PaymentsView: "console/payments.html",
        console_views.PaymentRowsView: "console/_payment_rows.html",
        console_views.PaymentTimelineView: "console/payment.html",
        console_views.InvoicesView: "console/invoices.html",
        console_invoice_views.InvoiceDetailView: "console/invoice.html",
        console_views.ReconciliationView: "console/reconciliation.html",
        console_views.WebhooksView: "console/webhooks.html",
        console_work_views.AttentionView: "console/attention.html",
        console_work_views.ReviewView: "console/review.html",
        console_work_views.DisputesView: "console/disputes.html",
        console_work_views.DisputeView: "console/dispute.html",
        console_work_views.ApprovalsView: "console/approvals.html",
        console_work_views.LedgerView: "console/ledger.html",
        console_work_views.CustomersView: "console/customers.html",
        console_work_views.CustomerView: "console/customer.html",
        console_setup_views.EndpointsView: "console/endpoints.html",
        console_setup_views.EndpointView: "console/endpoint.html",
        console_setup_views.DeliveryView: "console/delivery.html",
        console_setup_views.KeysView: "console/keys.html",
        console_setup_views.BrandingView: "console/branding.html",
        console_setup_views.AccountsView: "console/gateways.html",
        console_setup_views.AddAccountView: "console/gateway_add.html",
        console_setup_views.GatewayAccountView: "console/gateway.html",
        console_routing_views.RuleSetsView: "console/routing.html",
        console_routing_views.RuleSetView: "console/rule_set.html",
    }
)
SECTIONS: MappingProxyType[type, Section] = MappingProxyType(
    {
        account_views.UsersView: Section.USERS,
        account_views.AuditView: Section.AUDIT,
        console_views.PaymentsView: Section.PAYMENTS,
        console_views.PaymentTimelineView: Section.PAYMENTS,
        console_views.InvoicesView: Section.INVOICES,
        console_invoice_views.InvoiceDetailView: Section.INVOICES,
        console_views.ReconciliationView: Section.RECONCILIATION,
        console_views.WebhooksView: Section.WEBHOOKS,
        console_work_views.AttentionView: Section.ATTENTION,
        console_work_views.ReviewView: Section.ATTENTION,
        console_work_views.DisputesView: Section.DISPUTES,
        console_work_views.DisputeView: Section.DISPUTES,
        console_work_views.ApprovalsView: Section.APPROVALS,
        console_work_views.LedgerView: Section.LEDGER,
        console_work_views.CustomersView: Section.CUSTOMERS,
        console_work_views.CustomerView: Section.CUSTOMERS,
        console_setup_views.EndpointsView: Section.ENDPOINTS,
        console_setup_views.EndpointView: Section.ENDPOINTS,
        console_setup_views.DeliveryView: Section.ENDPOINTS,
        console_setup_views.KeysView: Section.KEYS,
        console_setup_views.BrandingView: Section.BRANDING,
        console_setup_views.AccountsView: Section.GATEWAYS,
        console_setup_views.AddAccountView: Section.GATEWAYS,
        console_setup_views.GatewayAccountView: Section.GATEWAYS,
        console_routing_views.RuleSetsView: Section.ROUTING,
        console_routing_views.RuleSetView: Section.ROUTING,
    }
)
