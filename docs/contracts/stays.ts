/**
 * The types of every request, answer, error, message and event of Stays.
 * `make contracts` writes this file from the models; pay.ts shows how to use it.
 */

export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the API is up */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payment/zalopay/create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin to pay for awarded nights
         * @description A double click gets the same answer again. Other nights of the same award replace an order that is not paid.
         */
        post: operations["postPaymentZalopayCreate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payment/zalopay/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** ZaloPay reports that an order is paid. Its MAC is the authorization */
        post: operations["postPaymentZalopayCallback"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payment/zalopay/status/{appTransId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The state of a payment
         * @description ZaloPay is asked at most every five seconds.
         */
        get: operations["getPaymentZalopayStatusApptransid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payment/sessions/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A payment session
         * @description Reads PENDING until another route has told the user that it is paid: the page polls while it reads PENDING.
         */
        get: operations["getPaymentSessionsSessionid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payment/transactions/{transactionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A payment session by ZaloPay's transaction */
        get: operations["getPaymentTransactionsTransactionid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/payment/{paymentId}/booking": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The booking of a payment, once there is one */
        get: operations["getPaymentPaymentidBooking"];
        put?: never;
        /** The one booking of a paid session */
        post: operations["postPaymentPaymentidBooking"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bookings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hold awarded nights for fifteen minutes
         * @description The booking is PENDING until it is paid. A full win is held whole.
         */
        post: operations["postBookings"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/user/bookings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's bookings, newest first */
        get: operations["getUserBookings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bookings/{bookingId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Cancel a booking or a reservation
         * @description The sale's `cancellationPolicy` decides the refund. The nights go to the runners-up or are released.
         */
        delete: operations["deleteBookingsBookingid"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bookings/{bookingId}/update-calendar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Block the nights of a booking
         * @description Answers only: the transaction that recorded the payment has already blocked the nights.
         */
        post: operations["postBookingsBookingidUpdateCalendar"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bookings/{bookingId}/conversation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The thread with the host
         * @description The same thread at every call.
         */
        post: operations["postBookingsBookingidConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bookings/{bookingId}/send-confirmation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send the confirmation mail once more
         * @description The mail goes to the user's present address.
         *
         *     At most one mail a minute, five mails for a booking, and one new address a day: more is RATE_LIMIT.
         */
        post: operations["postBookingsBookingidSendConfirmation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/auth0-sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep the caller's details, for mail
         * @description Details on the page count first; the token's claims fill the gaps.
         *
         *     The legacy backend has its own users. It gets the call too, and the page gets its answer.
         */
        post: operations["postUsersAuth0Sync"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/winners/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's wins and accepted offers */
        get: operations["getAuctionsWinnersMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/winners/{auctionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's win at an auction */
        get: operations["getAuctionsWinnersAuctionid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/winners/{auctionId}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept a win, or nights of it
         * @description Accepting a partial win keeps only the selected nights, and `bidAmount` becomes their price.
         */
        post: operations["postAuctionsWinnersAuctionidAccept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/winners/{auctionId}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Decline a win
         * @description A decline ends an unpaid order, and the next bidder gets an offer.
         */
        post: operations["postAuctionsWinnersAuctionidDecline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/offers/second-chance/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's second-chance offers */
        get: operations["getAuctionsOffersSecondChanceMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/offers/second-chance/{offerId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A second-chance offer */
        get: operations["getAuctionsOffersSecondChanceOfferid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/offers/second-chance/{offerId}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept an offer, or nights of it
         * @description An accepted offer can be paid like a win.
         */
        post: operations["postAuctionsOffersSecondChanceOfferidAccept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/offers/second-chance/{offerId}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decline an offer */
        post: operations["postAuctionsOffersSecondChanceOfferidDecline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/offers/{offerId}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept an offer or a win
         * @description The id may be an auction's.
         */
        post: operations["postAuctionsOffersOfferidAccept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/offers/{offerId}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Decline an offer or a win
         * @description The id may be an auction's.
         */
        post: operations["postAuctionsOffersOfferidDecline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auctions/analytics/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The reason why an offer was declined */
        post: operations["postAuctionsAnalyticsDecline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/properties/{propertyId}/calendar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The nights of the caller's property that are held or booked */
        get: operations["getPropertiesPropertyidCalendar"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/properties/{propertyId}/calendar/feed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A new address for calendar programs
         * @description The earlier address stops working.
         */
        post: operations["postPropertiesPropertyidCalendarFeed"];
        /** End the feed: its address stops working */
        delete: operations["deletePropertiesPropertyidCalendarFeed"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/calendars/{feed}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A property's bookings as an iCalendar file (RFC 5545)
         * @description The address is the authorization. A wrong address gets the same answer as an unknown one.
         */
        get: operations["getCalendarsFeed"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description The selected nights of a partial win or an offer. None selected means all. */
        AcceptRequest: {
            /** @default [] */
            selectedNights?: string[];
        };
        /** @description A profile as its user sees it. `id` is the user's id everywhere in the API: the `sub` of their tokens. */
        Account: {
            id: string;
            auth0UserId: string;
            userId: string;
            email?: string;
            name?: string;
            /** @enum {string} */
            language?: "vi" | "en";
            picture?: string;
            reminders?: boolean;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        /** @description The methods that the path has. */
        AllowedMethods: {
            allowed: string[];
        };
        /** @description Any error of the HTTP API, by `error.code`. */
        ApiError: components["schemas"]["ValidationError"] | components["schemas"]["InvalidAmountError"] | components["schemas"]["InvalidTransactionIdError"] | components["schemas"]["AuthRequiredError"] | components["schemas"]["InsufficientPermissionsError"] | components["schemas"]["NotFoundError"] | components["schemas"]["MethodNotAllowedError"] | components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["PaymentProcessingError"] | components["schemas"]["OfferExpiredError"] | components["schemas"]["BookingCreationFailedError"] | components["schemas"]["CalendarUpdateFailedError"] | components["schemas"]["EmailSendingFailedError"] | components["schemas"]["PayloadTooLargeError"] | components["schemas"]["RateLimitError"] | components["schemas"]["InternalError"] | components["schemas"]["PaymentCreationFailedError"];
        /** @description The auction system says how an auction ended for one bidder. A higher `revision` corrects an earlier result. */
        AuctionResultEvent: {
            auctionId: string | number;
            /** @description the `sub` of the user's tokens; at most 512 bytes, where any but letters, digits and `_.:|@-` counts three for each of its bytes in UTF-8 */
            userId: string | number;
            /** @default 0 */
            revision?: number;
            property: components["schemas"]["RentedProperty"];
            /** @default 1 */
            guestCount?: number;
            /** @default [] */
            runnersUp?: components["schemas"]["RunnerUp"][];
            /** @default 120 */
            offerMinutes?: number;
            result: components["schemas"]["Result"];
            /** @default [] */
            awardedNights?: components["schemas"]["PricedNight"][];
            /** @default 0 */
            bidAmount?: number;
            /** Format: date-time */
            paymentDeadline: string;
        };
        /** @description The user's result in an auction. A win that ends unpaid comes again as LOST, with the `status` of its end. */
        AuctionResultMessage: {
            /** @constant */
            type: "AUCTION_RESULT";
            auctionId: string;
            userId: string;
            result: components["schemas"]["Result"];
            awardedNights?: string[];
            /** @description The price of the nights in đồng, or else the bid. */
            amount: number;
            /** Format: date-time */
            paymentDeadline: string;
            propertyName: string;
            /** @enum {string} */
            status?: "EXPIRED" | "DECLINED" | "WITHDRAWN";
        };
        /** @description The state that does not allow the request. Only the fields that apply are present. */
        AuctionState: {
            /** @description The session that is paid, or whose order is open. */
            sessionId?: string;
            /**
             * Format: date-time
             * @description The end of the open order.
             */
            expiresAt?: string;
            /**
             * Format: date-time
             * @description The end of the time to pay for the award.
             */
            deadline?: string;
            /** @description Nights that another user has. */
            nights?: string[];
            /**
             * Format: date
             * @description The end of the stay that is over.
             */
            checkOut?: string;
            /** @description The status of a booking that is not confirmed. */
            status?: components["schemas"]["BookingStatus"];
        };
        /** @description The auction system takes back a result, or (with `offerId`) an offer, and the offers that follow from it. */
        AuctionWithdrawnEvent: {
            auctionId: string | number;
            /** @description the `sub` of the user's tokens; at most 512 bytes, where any but letters, digits and `_.:|@-` counts three for each of its bytes in UTF-8 */
            userId: string | number;
            offerId?: string | number | null;
            /** @default 0 */
            revision?: number;
        };
        /** @description The call names no user: sign in first. */
        AuthRequiredError: {
            error: components["schemas"]["AuthRequiredErrorContent"];
            requestId: string;
        };
        /** @description The call names no user: sign in first. */
        AuthRequiredErrorContent: {
            /** @constant */
            code: "AUTH_REQUIRED";
            message: string;
            details: components["schemas"]["NoDetails"];
        };
        /** @description A night of a win. Consecutive nights share a `rangeId`. */
        AwardedNight: {
            /** Format: date */
            date: string;
            pricePerNight: number;
            isSelected: boolean;
            rangeId: string;
        };
        /** @description Nights of one property for one user. */
        Booking: {
            id: string;
            paymentId: string;
            /** @description The number to read out on the phone. */
            referenceNumber: string;
            userId: string;
            propertyId: string;
            propertyName: string;
            hostId: string;
            /** Format: date */
            checkIn: string;
            /** Format: date */
            checkOut: string;
            nights: string[];
            guestCount: number;
            totalAmount: number;
            status: components["schemas"]["BookingStatus"];
            /** Format: date-time */
            createdAt: string;
            cancellationPolicy?: components["schemas"]["Term"][];
            /** Format: date-time */
            cancelledAt?: string;
            refund?: components["schemas"]["Refund"];
        };
        /** @description A confirmed booking was given back. Its nights may be on offer now; NightsReleased says which are free. */
        BookingCancelledEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            stayId: string;
            nights: string[];
            refundAmount: number;
            reason: components["schemas"]["Reason"];
            /** Format: date-time */
            cancelledAt: string;
        };
        /** @description The nights are paid for and booked. */
        BookingConfirmedEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            stayId: string;
            nights: string[];
            guestCount: number;
            amount: number;
            /** Format: date-time */
            bookedAt: string;
        };
        /** @description The nights are paid and booked. */
        BookingConfirmedMessage: {
            /** @constant */
            type: "BOOKING_CONFIRMED";
            bookingId: string;
            paymentId: string;
            userId: string;
            propertyName: string;
            referenceNumber: string;
            /** Format: date */
            checkIn: string;
            /** Format: date */
            checkOut: string;
        };
        /** @description The session is not paid, so it makes no booking. */
        BookingCreationFailedError: {
            error: components["schemas"]["BookingCreationFailedErrorContent"];
            requestId: string;
        };
        /** @description The session is not paid, so it makes no booking. */
        BookingCreationFailedErrorContent: {
            /** @constant */
            code: "BOOKING_CREATION_FAILED";
            message: string;
            details: components["schemas"]["UnpaidSession"];
        };
        /** @description Nights of an award that the user reserves for a while, to pay later. */
        BookingRequest: {
            auctionId: string | number;
            selectedNights: string[];
        };
        /**
         * @description Only money makes a booking CONFIRMED.
         * @enum {string}
         */
        BookingStatus: "PENDING" | "CONFIRMED" | "CANCELLED";
        /** @description The host's view: no user, no stay, no price. */
        CalendarPage: {
            propertyId: string;
            propertyName: string;
            /** Format: date */
            from: string;
            /** Format: date */
            to: string;
            nights: components["schemas"]["TakenNight"][];
            /**
             * Format: date-time
             * @description When the feed's address was made.
             */
            feedSince?: string;
        };
        /** @description The booking is not confirmed. */
        CalendarUpdateFailedError: {
            error: components["schemas"]["CalendarUpdateFailedErrorContent"];
            requestId: string;
        };
        /** @description The booking is not confirmed. */
        CalendarUpdateFailedErrorContent: {
            /** @constant */
            code: "CALENDAR_UPDATE_FAILED";
            message: string;
            details: components["schemas"]["UnconfirmedBooking"];
        };
        /** @description 1: recorded, or kept for the operator. 0: send it again. -1: not from ZaloPay. */
        CallbackAnswer: {
            /** @enum {integer} */
            return_code: 1 | 0 | -1;
            return_message: string;
        };
        /** @description ZaloPay's report (docs.zalopay.vn, order-callback). */
        CallbackRequest: {
            /** @description The order as a JSON text. The MAC covers exactly this text. */
            data: string;
            mac: string;
            /** @constant */
            type?: 1;
        };
        /** @description The pay button's request. Our own text describes the order, so `orderInfo` only has a limit. */
        CreateRequest: {
            auctionId: string | number;
            selectedNights: string[];
            amount: number;
            orderInfo?: string | null;
        };
        /** @description The time that is over. */
        Deadline: {
            /** Format: date-time */
            deadline: string;
        };
        /** @description The reason for declining, sent after the answer. The page that sends it is not stored. */
        DeclineReport: {
            offerId: string | number;
            reason?: string | null;
        };
        /** @description The reason for declining. */
        DeclineRequest: {
            reason?: string | null;
        };
        /** @description The booking is not confirmed, so no mail is sent. */
        EmailSendingFailedError: {
            error: components["schemas"]["EmailSendingFailedErrorContent"];
            requestId: string;
        };
        /** @description The booking is not confirmed, so no mail is sent. */
        EmailSendingFailedErrorContent: {
            /** @constant */
            code: "EMAIL_SENDING_FAILED";
            message: string;
            details: components["schemas"]["UnconfirmedBooking"];
        };
        /** @description An event of the auction system. */
        EventIn: components["schemas"]["AuctionResultEvent"] | components["schemas"]["SecondChanceOfferEvent"] | components["schemas"]["AuctionWithdrawnEvent"];
        /** @description An event that Stays publishes. */
        EventOut: components["schemas"]["PaymentCompletedEvent"] | components["schemas"]["PaymentFailedEvent"] | components["schemas"]["BookingConfirmedEvent"] | components["schemas"]["BookingCancelledEvent"] | components["schemas"]["RefundCompletedEvent"] | components["schemas"]["OfferExpiredEvent"] | components["schemas"]["NightsReleasedEvent"];
        /** @description The session whose order could not be made, if one was opened. */
        FailedOrder: {
            sessionId?: string;
        };
        /** @description The address of a calendar feed. The address is the authorization: keep it secret. */
        FeedAddress: {
            /** Format: uri */
            url: string;
        };
        /** @description The answer to a message that cannot be read or is refused. The connection stays, except after TOKEN_EXPIRED. */
        FrameError: {
            /** @constant */
            type: "ERROR";
            /** @enum {string} */
            code: "INVALID_MESSAGE" | "FORBIDDEN" | "TOKEN_EXPIRED";
            message: string;
        };
        /** @description What a browser sends, by `type`. */
        FromBrowser: components["schemas"]["Subscribe"] | components["schemas"]["Ping"];
        /**
         * @description Our part: booking or refund. NONE after PAID: the user cancelled and gets nothing back.
         * @enum {string}
         */
        Fulfilment: "NONE" | "BOOKED" | "REFUND_DUE" | "REFUNDING" | "REFUNDED" | "REFUND_MANUAL" | "REVIEW";
        /** @description The gateway's own answer, before any function runs. */
        GatewayRefusal: {
            message: string;
        };
        /** @description The API answers. */
        Health: {
            /** @constant */
            status: "ok";
            version: string;
        };
        /** @description A picture of a property. */
        Image: {
            image_url: string;
        };
        /** @description The call did not come by the API's own name. */
        InsufficientPermissionsError: {
            error: components["schemas"]["InsufficientPermissionsErrorContent"];
            requestId: string;
        };
        /** @description The call did not come by the API's own name. */
        InsufficientPermissionsErrorContent: {
            /** @constant */
            code: "INSUFFICIENT_PERMISSIONS";
            message: string;
            details: components["schemas"]["NoDetails"];
        };
        /** @description Something went wrong on our side: try again. */
        InternalError: {
            error: components["schemas"]["InternalErrorContent"];
            requestId: string;
        };
        /** @description Something went wrong on our side: try again. */
        InternalErrorContent: {
            /** @constant */
            code: "INTERNAL_ERROR";
            message: string;
            details: components["schemas"]["NoDetails"];
        };
        /** @description The amount is not the price of the nights. */
        InvalidAmountError: {
            error: components["schemas"]["InvalidAmountErrorContent"];
            requestId: string;
        };
        /** @description The amount is not the price of the nights. */
        InvalidAmountErrorContent: {
            /** @constant */
            code: "INVALID_AMOUNT";
            message: string;
            details: components["schemas"]["Price"];
        };
        /** @description The present state does not allow it: paid already, over, taken, or a payment is under way. */
        InvalidAuctionStateError: {
            error: components["schemas"]["InvalidAuctionStateErrorContent"];
            requestId: string;
        };
        /** @description The present state does not allow it: paid already, over, taken, or a payment is under way. */
        InvalidAuctionStateErrorContent: {
            /** @constant */
            code: "INVALID_AUCTION_STATE";
            message: string;
            details: components["schemas"]["AuctionState"];
        };
        /** @description This is not a transaction id. */
        InvalidTransactionIdError: {
            error: components["schemas"]["InvalidTransactionIdErrorContent"];
            requestId: string;
        };
        /** @description This is not a transaction id. */
        InvalidTransactionIdErrorContent: {
            /** @constant */
            code: "INVALID_TRANSACTION_ID";
            message: string;
            details: components["schemas"]["WrongFields"];
        };
        /** @description The limit that was passed. */
        Limit: {
            /** @description The largest body in bytes. */
            limit: number;
        };
        /** @description The address of a property, as far as it is known. */
        Location: {
            address_line1?: string;
            city?: string;
            state?: string;
        };
        /** @description The path does not have this method. */
        MethodNotAllowedError: {
            error: components["schemas"]["MethodNotAllowedErrorContent"];
            requestId: string;
        };
        /** @description The path does not have this method. */
        MethodNotAllowedErrorContent: {
            /** @constant */
            code: "METHOD_NOT_ALLOWED";
            message: string;
            details: components["schemas"]["AllowedMethods"];
        };
        /**
         * @description HELD for a user who may pay, or BOOKED. A free night is not listed.
         * @enum {string}
         */
        NightStatus: "HELD" | "BOOKED";
        /** @description No bidder is left to offer these nights to: they can be sold again. */
        NightsReleasedEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            awardId: string;
            releasedNights: string[];
        };
        /** @description No details. */
        NoDetails: Record<string, never>;
        /** @description It does not exist, or it is another user's. */
        NotFoundError: {
            error: components["schemas"]["NotFoundErrorContent"];
            requestId: string;
        };
        /** @description It does not exist, or it is another user's. */
        NotFoundErrorContent: {
            /** @constant */
            code: "NOT_FOUND";
            message: string;
            details: components["schemas"]["NoDetails"];
        };
        /** @description An empty object: the request was carried out. */
        Nothing: Record<string, never>;
        /** @description A second-chance offer. */
        Offer: {
            id: string;
            originalBidId?: string;
            userId: string;
            auctionId: string;
            property: components["schemas"]["Property"];
            propertyName: string;
            offeredNights: string[];
            amount: number;
            /** Format: date-time */
            responseDeadline: string;
            /** @enum {string} */
            status: "WAITING" | "ACCEPTED" | "DECLINED" | "EXPIRED";
            /**
             * Format: date-time
             * @description Once it is accepted: the time to pay.
             */
            paymentDeadline?: string;
        };
        /** @description The time to pay for this offer is over. */
        OfferExpiredError: {
            error: components["schemas"]["OfferExpiredErrorContent"];
            requestId: string;
        };
        /** @description The time to pay for this offer is over. */
        OfferExpiredErrorContent: {
            /** @constant */
            code: "OFFER_EXPIRED";
            message: string;
            details: components["schemas"]["Deadline"];
        };
        /** @description A second-chance offer was not paid in time. */
        OfferExpiredEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            offerId: string;
            nights: string[];
            /** Format: date-time */
            responseDeadline: string;
        };
        /** @description An offer is over. */
        OfferExpiredMessage: {
            /** @constant */
            type: "OFFER_EXPIRED";
            offerId: string;
            auctionId: string;
            userId: string;
            propertyName: string;
        };
        /** @description The order whose money is on its way. */
        OpenOrder: {
            sessionId: string;
            /** Format: date-time */
            expiresAt: string;
        };
        /** @description An order that can be paid. The browser goes to `orderUrl`. */
        Order: {
            orderUrl: string;
            appTransId: string;
            amount: number;
            sessionId: string;
            paymentId: string;
            /** Format: date-time */
            expiresAt: string;
        };
        /** @description The body is too large. */
        PayloadTooLargeError: {
            error: components["schemas"]["PayloadTooLargeErrorContent"];
            requestId: string;
        };
        /** @description The body is too large. */
        PayloadTooLargeErrorContent: {
            /** @constant */
            code: "PAYLOAD_TOO_LARGE";
            message: string;
            details: components["schemas"]["Limit"];
        };
        /** @description Verified money arrived for a stay. */
        PaymentCompletedEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            stayId: string;
            amount: number;
            transactionId: string;
            /** Format: date-time */
            paidAt: string;
        };
        /** @description ZaloPay made no order: try again. */
        PaymentCreationFailedError: {
            error: components["schemas"]["PaymentCreationFailedErrorContent"];
            requestId: string;
        };
        /** @description ZaloPay made no order: try again. */
        PaymentCreationFailedErrorContent: {
            /** @constant */
            code: "PAYMENT_CREATION_FAILED";
            message: string;
            details: components["schemas"]["FailedOrder"];
        };
        /** @description The time to pay ended without money, or the payment was given up. */
        PaymentFailedEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            stayId: string;
            nights: string[];
            amount: number;
            reason: components["schemas"]["Reason"];
            /** Format: date-time */
            failedAt: string;
        };
        /** @description Money is on its way for this order: wait for its end. */
        PaymentProcessingError: {
            error: components["schemas"]["PaymentProcessingErrorContent"];
            requestId: string;
        };
        /** @description Money is on its way for this order: wait for its end. */
        PaymentProcessingErrorContent: {
            /** @constant */
            code: "PAYMENT_PROCESSING";
            message: string;
            details: components["schemas"]["OpenOrder"];
        };
        /** @description One attempt to be paid for nights of one award. Its id is also the payment's and the booking's. */
        PaymentSession: {
            id: string;
            paymentId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            propertyName: string;
            hostId: string;
            city?: string;
            guestCount: number;
            nights: string[];
            /** @description The price of the nights in đồng. */
            amount: number;
            currency: string;
            status: components["schemas"]["Status"];
            fulfilment: components["schemas"]["Fulfilment"];
            appTransId: string;
            orderUrl?: string;
            /** @description ZaloPay's id of the money. */
            transactionId?: string;
            reason?: components["schemas"]["Reason"];
            cancellationPolicy?: components["schemas"]["Term"][];
            refund?: components["schemas"]["Refund"];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            /** Format: date-time */
            paidAt?: string;
            /** Format: date-time */
            bookedAt?: string;
            /** Format: date-time */
            cancelledAt?: string;
        };
        /** @description The state of a payment. COMPLETED always has `transactionId`. FAILED may have a `reason` and a `refund`. */
        PaymentStatusMessage: {
            /** @constant */
            type: "PAYMENT_STATUS";
            paymentId: string;
            userId: string;
            /** @enum {string} */
            status: "INITIATED" | "PROCESSING" | "COMPLETED" | "FAILED";
            transactionId?: string;
            reason?: components["schemas"]["Reason"];
            refund?: components["schemas"]["Refund"];
        };
        /** @description Keep the connection open. The answer is PONG. */
        Ping: {
            /**
             * @default PING
             * @constant
             */
            type: "PING";
        };
        /** @description The answer to PING. */
        Pong: {
            /** @constant */
            type: "PONG";
        };
        /** @description The price that was expected. */
        Price: {
            /** @description The price of the nights in đồng. */
            expectedAmount: number;
        };
        /** @description One night and its price in đồng. */
        PricedNight: {
            /** Format: date */
            date: string;
            price: number;
        };
        /** @description The user's details from the identity provider. Empty means unknown. */
        ProfileRequest: {
            email?: string | null;
            name?: string | null;
            /** @description A value that cannot be read is ignored. */
            locale?: unknown;
            /** @description A value that cannot be read is ignored. */
            picture?: unknown;
            /** @description A value that cannot be read is ignored. */
            reminders?: unknown;
        };
        /** @description A property, as far as it is known. */
        Property: {
            id: string;
            title: string;
            city?: string;
            state?: string;
            location: components["schemas"]["Location"];
            images: components["schemas"]["Image"][];
            max_guests?: number;
        };
        /** @description There are too many requests, or another write is in the way: try again later. */
        RateLimitError: {
            error: components["schemas"]["RateLimitErrorContent"];
            requestId: string;
        };
        /** @description There are too many requests, or another write is in the way: try again later. */
        RateLimitErrorContent: {
            /** @constant */
            code: "RATE_LIMIT";
            message: string;
            details: components["schemas"]["Wait"];
        };
        /**
         * @description Why a payment did not end in a booking: the frontend's code, if it has one.
         * @enum {string}
         */
        Reason: "PAYMENT_CREATION_FAILED" | "PAYMENT_EXPIRED" | "PAYMENT_CANCELLED" | "NIGHTS_TAKEN" | "PAYMENT_UNDER_REVIEW" | "CANCELLED_BY_TRAVELLER" | "CANCELLED_BY_OPERATOR" | "SUPERSEDED" | "NIGHTS_PAST" | "ALREADY_PAID" | "AWARD_WITHDRAWN";
        /** @description A refund, in đồng. `id` is the `m_refund_id`. Only the second and later attempts have an `attempt` number. */
        Refund: {
            amount: number;
            attempt?: number;
            status: components["schemas"]["Fulfilment"];
            id?: string;
            /** Format: date-time */
            requestedAt?: string;
            /** Format: date-time */
            acceptedAt?: string;
            /** Format: date-time */
            refundedAt?: string;
            /** @description ZaloPay's last code about this refund. */
            code?: number;
        };
        /** @description Money is back with the user: for a cancelled booking, or money that booked nothing. */
        RefundCompletedEvent: {
            /** @constant */
            version: 1;
            eventId: string;
            auctionId: string;
            userId: string;
            propertyId: string;
            stayId: string;
            refundAmount: number;
            transactionId: string;
            reason: components["schemas"]["Reason"];
            /** Format: date-time */
            refundedAt: string;
        };
        /** @description A property as far as we know it: enough for a booking, a mail and a card on the winners page. */
        RentedProperty: {
            id: string | number;
            name: string;
            /** @description the `sub` of the user's tokens; at most 512 bytes, where any but letters, digits and `_.:|@-` counts three for each of its bytes in UTF-8 */
            hostId: string | number;
            city?: string | null;
            state?: string | null;
            addressLine1?: string | null;
            /** @default [] */
            images?: string[];
            maxGuests?: number | null;
            checkInTime?: string | null;
            checkOutTime?: string | null;
        };
        /**
         * @description How an auction ended for one bidder.
         * @enum {string}
         */
        Result: "FULL_WIN" | "PARTIAL_WIN" | "LOST";
        /** @description The user who gets the next offer, with the nights and prices, as far as the nights are free then. */
        RunnerUp: {
            /** @description the `sub` of the user's tokens; at most 512 bytes, where any but letters, digits and `_.:|@-` counts three for each of its bytes in UTF-8 */
            userId: string | number;
            bidId?: string | number | null;
            nights: components["schemas"]["PricedNight"][];
            /** @default 1 */
            guestCount?: number;
        };
        /** @description The auction system offers unsold nights to a bidder. A higher `revision` changes the terms. */
        SecondChanceOfferEvent: {
            auctionId: string | number;
            /** @description the `sub` of the user's tokens; at most 512 bytes, where any but letters, digits and `_.:|@-` counts three for each of its bytes in UTF-8 */
            userId: string | number;
            /** @default 0 */
            revision?: number;
            property: components["schemas"]["RentedProperty"];
            /** @default 1 */
            guestCount?: number;
            /** @default [] */
            runnersUp?: components["schemas"]["RunnerUp"][];
            /** @default 120 */
            offerMinutes?: number;
            offerId: string | number;
            originalBidId?: string | number | null;
            offeredNights: components["schemas"]["PricedNight"][];
            /** Format: date-time */
            responseDeadline: string;
        };
        /** @description Nights that another user did not buy are offered to this user until `responseDeadline`. */
        SecondChanceOfferMessage: {
            /** @constant */
            type: "SECOND_CHANCE_OFFER";
            offerId: string;
            auctionId: string;
            userId: string;
            offeredNights: string[];
            amount: number;
            /** Format: date-time */
            responseDeadline: string;
            propertyName: string;
        };
        /**
         * @description The order's state by ZaloPay's word.
         * @enum {string}
         */
        Status: "CREATED" | "PENDING" | "PAID" | "FAILED" | "CANCELLED" | "EXPIRED";
        /** @description Get the messages of a user from now on. The answer is SUBSCRIBED, then the present state. */
        Subscribe: {
            /**
             * @default SUBSCRIBE
             * @constant
             */
            type: "SUBSCRIBE";
            /** @description The `sub` of the token. */
            userId: string | number;
            /**
             * @description All channels by default.
             * @default [
             *       "payment_status",
             *       "booking_confirmations",
             *       "auction_results",
             *       "second_chance_offers"
             *     ]
             */
            channels?: ("payment_status" | "booking_confirmations" | "auction_results" | "second_chance_offers")[];
            /** @description An access token, to prove the user. */
            token?: string | null;
        };
        /** @description The answer to a good SUBSCRIBE. The present state follows: recent payments and bookings, open wins and offers. */
        Subscribed: {
            /** @constant */
            type: "SUBSCRIBED";
            channels: ("payment_status" | "booking_confirmations" | "auction_results" | "second_chance_offers")[];
        };
        /** @description A night that is held or booked. */
        TakenNight: {
            /** Format: date */
            date: string;
            status: components["schemas"]["NightStatus"];
            /** Format: date-time */
            heldUntil?: string;
        };
        /** @description One row of a sale's terms: until `daysBefore` days before check-in, `percent` percent of the price goes back. */
        Term: {
            daysBefore: number;
            percent: number;
        };
        /** @description The conversation of a stay's user with its host. */
        Thread: {
            threadId: string;
        };
        /** @description What a browser receives, by `type`. */
        ToBrowser: components["schemas"]["PaymentStatusMessage"] | components["schemas"]["BookingConfirmedMessage"] | components["schemas"]["AuctionResultMessage"] | components["schemas"]["SecondChanceOfferMessage"] | components["schemas"]["OfferExpiredMessage"] | components["schemas"]["Subscribed"] | components["schemas"]["Pong"] | components["schemas"]["FrameError"];
        /** @description The state of the booking that is not confirmed. */
        UnconfirmedBooking: {
            status: components["schemas"]["BookingStatus"];
        };
        /** @description The state of the session that made no booking. */
        UnpaidSession: {
            status: components["schemas"]["Status"];
            reason?: components["schemas"]["Reason"];
        };
        /** @description The request is not valid: `details.fields` names each wrong field. */
        ValidationError: {
            error: components["schemas"]["ValidationErrorContent"];
            requestId: string;
        };
        /** @description The request is not valid: `details.fields` names each wrong field. */
        ValidationErrorContent: {
            /** @constant */
            code: "VALIDATION_ERROR";
            message: string;
            details: components["schemas"]["WrongFields"];
        };
        /** @description The state of a payment. PAID always comes with `transactionId`. */
        Verdict: {
            /** @enum {string} */
            status: "PAID" | "PENDING" | "FAILED" | "CANCELLED";
            transactionId?: string;
            amount?: number;
            /** Format: date-time */
            paidAt?: string;
            reason?: components["schemas"]["Reason"];
            refund?: components["schemas"]["Refund"];
        };
        /** @description The time to wait. */
        Wait: {
            /** @description Seconds until the next attempt can succeed. */
            retryAfter: number;
        };
        /** @description A win at an auction, or an offer that was accepted. */
        Winner: {
            id: string;
            auctionId: string;
            property: components["schemas"]["Property"];
            /** @description The price of the selected nights in đồng. */
            bidAmount: number;
            /** Format: date */
            checkIn: string;
            /** Format: date */
            checkOut: string;
            /** @description There are nights to select, or the nights are not consecutive. False by default. */
            isPartialWin: boolean;
            awardedNights: components["schemas"]["AwardedNight"][];
            /** @enum {string} */
            status: "PENDING_PAYMENT" | "PAID" | "EXPIRED";
            /**
             * Format: date-time
             * @description PAID: the check-out. EXPIRED: the moment it ended. Otherwise: the time to pay.
             */
            paymentDeadline: string;
            guestCount: number;
            paymentId?: string;
        };
        /** @description A field of the request that is missing or wrong. */
        WrongField: {
            /** @description The name of the field, with the position in a list: `selectedNights.3`. */
            field: string;
            /** @description The reason, in English. */
            message: string;
        };
        /** @description All fields that are wrong. */
        WrongFields: {
            fields: components["schemas"]["WrongField"][];
        };
    };
    responses: {
        /** @description The request is not valid: `details.fields` names each wrong field. */
        VALIDATION_ERROR: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["ValidationError"];
            };
        };
        /** @description The amount is not the price of the nights. */
        INVALID_AMOUNT: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InvalidAmountError"];
            };
        };
        /** @description This is not a transaction id. */
        INVALID_TRANSACTION_ID: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InvalidTransactionIdError"];
            };
        };
        /** @description The call names no user: sign in first. */
        AUTH_REQUIRED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["AuthRequiredError"] | components["schemas"]["GatewayRefusal"];
            };
        };
        /** @description The call did not come by the API's own name. */
        INSUFFICIENT_PERMISSIONS: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InsufficientPermissionsError"];
            };
        };
        /** @description It does not exist, or it is another user's. */
        NOT_FOUND: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["NotFoundError"];
            };
        };
        /** @description The path does not have this method. */
        METHOD_NOT_ALLOWED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["MethodNotAllowedError"];
            };
        };
        /** @description The present state does not allow it: paid already, over, taken, or a payment is under way. */
        INVALID_AUCTION_STATE: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InvalidAuctionStateError"];
            };
        };
        /** @description Money is on its way for this order: wait for its end. */
        PAYMENT_PROCESSING: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["PaymentProcessingError"];
            };
        };
        /** @description The time to pay for this offer is over. */
        OFFER_EXPIRED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["OfferExpiredError"];
            };
        };
        /** @description The session is not paid, so it makes no booking. */
        BOOKING_CREATION_FAILED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["BookingCreationFailedError"];
            };
        };
        /** @description The booking is not confirmed. */
        CALENDAR_UPDATE_FAILED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["CalendarUpdateFailedError"];
            };
        };
        /** @description The booking is not confirmed, so no mail is sent. */
        EMAIL_SENDING_FAILED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["EmailSendingFailedError"];
            };
        };
        /** @description The body is too large. */
        PAYLOAD_TOO_LARGE: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["PayloadTooLargeError"];
            };
        };
        /** @description There are too many requests, or another write is in the way: try again later. */
        RATE_LIMIT: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["RateLimitError"];
            };
        };
        /** @description Something went wrong on our side: try again. */
        INTERNAL_ERROR: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InternalError"];
            };
        };
        /** @description ZaloPay made no order: try again. */
        PAYMENT_CREATION_FAILED: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["PaymentCreationFailedError"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type AcceptRequest = components['schemas']['AcceptRequest'];
export type Account = components['schemas']['Account'];
export type AllowedMethods = components['schemas']['AllowedMethods'];
export type ApiError = components['schemas']['ApiError'];
export type AuctionResultEvent = components['schemas']['AuctionResultEvent'];
export type AuctionResultMessage = components['schemas']['AuctionResultMessage'];
export type AuctionState = components['schemas']['AuctionState'];
export type AuctionWithdrawnEvent = components['schemas']['AuctionWithdrawnEvent'];
export type AuthRequiredError = components['schemas']['AuthRequiredError'];
export type AuthRequiredErrorContent = components['schemas']['AuthRequiredErrorContent'];
export type AwardedNight = components['schemas']['AwardedNight'];
export type Booking = components['schemas']['Booking'];
export type BookingCancelledEvent = components['schemas']['BookingCancelledEvent'];
export type BookingConfirmedEvent = components['schemas']['BookingConfirmedEvent'];
export type BookingConfirmedMessage = components['schemas']['BookingConfirmedMessage'];
export type BookingCreationFailedError = components['schemas']['BookingCreationFailedError'];
export type BookingCreationFailedErrorContent = components['schemas']['BookingCreationFailedErrorContent'];
export type BookingRequest = components['schemas']['BookingRequest'];
export type BookingStatus = components['schemas']['BookingStatus'];
export type CalendarPage = components['schemas']['CalendarPage'];
export type CalendarUpdateFailedError = components['schemas']['CalendarUpdateFailedError'];
export type CalendarUpdateFailedErrorContent = components['schemas']['CalendarUpdateFailedErrorContent'];
export type CallbackAnswer = components['schemas']['CallbackAnswer'];
export type CallbackRequest = components['schemas']['CallbackRequest'];
export type CreateRequest = components['schemas']['CreateRequest'];
export type Deadline = components['schemas']['Deadline'];
export type DeclineReport = components['schemas']['DeclineReport'];
export type DeclineRequest = components['schemas']['DeclineRequest'];
export type EmailSendingFailedError = components['schemas']['EmailSendingFailedError'];
export type EmailSendingFailedErrorContent = components['schemas']['EmailSendingFailedErrorContent'];
export type EventIn = components['schemas']['EventIn'];
export type EventOut = components['schemas']['EventOut'];
export type FailedOrder = components['schemas']['FailedOrder'];
export type FeedAddress = components['schemas']['FeedAddress'];
export type FrameError = components['schemas']['FrameError'];
export type FromBrowser = components['schemas']['FromBrowser'];
export type Fulfilment = components['schemas']['Fulfilment'];
export type GatewayRefusal = components['schemas']['GatewayRefusal'];
export type Health = components['schemas']['Health'];
export type Image = components['schemas']['Image'];
export type InsufficientPermissionsError = components['schemas']['InsufficientPermissionsError'];
export type InsufficientPermissionsErrorContent = components['schemas']['InsufficientPermissionsErrorContent'];
export type InternalError = components['schemas']['InternalError'];
export type InternalErrorContent = components['schemas']['InternalErrorContent'];
export type InvalidAmountError = components['schemas']['InvalidAmountError'];
export type InvalidAmountErrorContent = components['schemas']['InvalidAmountErrorContent'];
export type InvalidAuctionStateError = components['schemas']['InvalidAuctionStateError'];
export type InvalidAuctionStateErrorContent = components['schemas']['InvalidAuctionStateErrorContent'];
export type InvalidTransactionIdError = components['schemas']['InvalidTransactionIdError'];
export type InvalidTransactionIdErrorContent = components['schemas']['InvalidTransactionIdErrorContent'];
export type Limit = components['schemas']['Limit'];
export type Location = components['schemas']['Location'];
export type MethodNotAllowedError = components['schemas']['MethodNotAllowedError'];
export type MethodNotAllowedErrorContent = components['schemas']['MethodNotAllowedErrorContent'];
export type NightStatus = components['schemas']['NightStatus'];
export type NightsReleasedEvent = components['schemas']['NightsReleasedEvent'];
export type NoDetails = components['schemas']['NoDetails'];
export type NotFoundError = components['schemas']['NotFoundError'];
export type NotFoundErrorContent = components['schemas']['NotFoundErrorContent'];
export type Nothing = components['schemas']['Nothing'];
export type Offer = components['schemas']['Offer'];
export type OfferExpiredError = components['schemas']['OfferExpiredError'];
export type OfferExpiredErrorContent = components['schemas']['OfferExpiredErrorContent'];
export type OfferExpiredEvent = components['schemas']['OfferExpiredEvent'];
export type OfferExpiredMessage = components['schemas']['OfferExpiredMessage'];
export type OpenOrder = components['schemas']['OpenOrder'];
export type Order = components['schemas']['Order'];
export type PayloadTooLargeError = components['schemas']['PayloadTooLargeError'];
export type PayloadTooLargeErrorContent = components['schemas']['PayloadTooLargeErrorContent'];
export type PaymentCompletedEvent = components['schemas']['PaymentCompletedEvent'];
export type PaymentCreationFailedError = components['schemas']['PaymentCreationFailedError'];
export type PaymentCreationFailedErrorContent = components['schemas']['PaymentCreationFailedErrorContent'];
export type PaymentFailedEvent = components['schemas']['PaymentFailedEvent'];
export type PaymentProcessingError = components['schemas']['PaymentProcessingError'];
export type PaymentProcessingErrorContent = components['schemas']['PaymentProcessingErrorContent'];
export type PaymentSession = components['schemas']['PaymentSession'];
export type PaymentStatusMessage = components['schemas']['PaymentStatusMessage'];
export type Ping = components['schemas']['Ping'];
export type Pong = components['schemas']['Pong'];
export type Price = components['schemas']['Price'];
export type PricedNight = components['schemas']['PricedNight'];
export type ProfileRequest = components['schemas']['ProfileRequest'];
export type Property = components['schemas']['Property'];
export type RateLimitError = components['schemas']['RateLimitError'];
export type RateLimitErrorContent = components['schemas']['RateLimitErrorContent'];
export type Reason = components['schemas']['Reason'];
export type Refund = components['schemas']['Refund'];
export type RefundCompletedEvent = components['schemas']['RefundCompletedEvent'];
export type RentedProperty = components['schemas']['RentedProperty'];
export type Result = components['schemas']['Result'];
export type RunnerUp = components['schemas']['RunnerUp'];
export type SecondChanceOfferEvent = components['schemas']['SecondChanceOfferEvent'];
export type SecondChanceOfferMessage = components['schemas']['SecondChanceOfferMessage'];
export type Status = components['schemas']['Status'];
export type Subscribe = components['schemas']['Subscribe'];
export type Subscribed = components['schemas']['Subscribed'];
export type TakenNight = components['schemas']['TakenNight'];
export type Term = components['schemas']['Term'];
export type Thread = components['schemas']['Thread'];
export type ToBrowser = components['schemas']['ToBrowser'];
export type UnconfirmedBooking = components['schemas']['UnconfirmedBooking'];
export type UnpaidSession = components['schemas']['UnpaidSession'];
export type ValidationError = components['schemas']['ValidationError'];
export type ValidationErrorContent = components['schemas']['ValidationErrorContent'];
export type Verdict = components['schemas']['Verdict'];
export type Wait = components['schemas']['Wait'];
export type Winner = components['schemas']['Winner'];
export type WrongField = components['schemas']['WrongField'];
export type WrongFields = components['schemas']['WrongFields'];
export type ResponseValidationError = components['responses']['VALIDATION_ERROR'];
export type ResponseInvalidAmount = components['responses']['INVALID_AMOUNT'];
export type ResponseInvalidTransactionId = components['responses']['INVALID_TRANSACTION_ID'];
export type ResponseAuthRequired = components['responses']['AUTH_REQUIRED'];
export type ResponseInsufficientPermissions = components['responses']['INSUFFICIENT_PERMISSIONS'];
export type ResponseNotFound = components['responses']['NOT_FOUND'];
export type ResponseMethodNotAllowed = components['responses']['METHOD_NOT_ALLOWED'];
export type ResponseInvalidAuctionState = components['responses']['INVALID_AUCTION_STATE'];
export type ResponsePaymentProcessing = components['responses']['PAYMENT_PROCESSING'];
export type ResponseOfferExpired = components['responses']['OFFER_EXPIRED'];
export type ResponseBookingCreationFailed = components['responses']['BOOKING_CREATION_FAILED'];
export type ResponseCalendarUpdateFailed = components['responses']['CALENDAR_UPDATE_FAILED'];
export type ResponseEmailSendingFailed = components['responses']['EMAIL_SENDING_FAILED'];
export type ResponsePayloadTooLarge = components['responses']['PAYLOAD_TOO_LARGE'];
export type ResponseRateLimit = components['responses']['RATE_LIMIT'];
export type ResponseInternalError = components['responses']['INTERNAL_ERROR'];
export type ResponsePaymentCreationFailed = components['responses']['PAYMENT_CREATION_FAILED'];
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The API answers. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postPaymentZalopayCreate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateRequest"];
            };
        };
        responses: {
            /** @description An order that can be paid. The browser goes to `orderUrl`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Order"];
                };
            };
            /**
             * @description - `VALIDATION_ERROR`: The request is not valid: `details.fields` names each wrong field.
             *     - `INVALID_AMOUNT`: The amount is not the price of the nights.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ValidationError"] | components["schemas"]["InvalidAmountError"];
                };
            };
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             *     - `PAYMENT_PROCESSING`: Money is on its way for this order: wait for its end.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"] | components["schemas"]["PaymentProcessingError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
            502: components["responses"]["PAYMENT_CREATION_FAILED"];
        };
    };
    postPaymentZalopayCallback: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CallbackRequest"];
            };
        };
        responses: {
            /** @description 1: recorded, or kept for the operator. 0: send it again. -1: not from ZaloPay. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackAnswer"];
                };
            };
        };
    };
    getPaymentZalopayStatusApptransid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                appTransId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state of a payment. PAID always comes with `transactionId`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verdict"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getPaymentSessionsSessionid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One attempt to be paid for nights of one award. Its id is also the payment's and the booking's. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentSession"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getPaymentTransactionsTransactionid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                transactionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One attempt to be paid for nights of one award. Its id is also the payment's and the booking's. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PaymentSession"];
                };
            };
            /**
             * @description - `VALIDATION_ERROR`: The request is not valid: `details.fields` names each wrong field.
             *     - `INVALID_TRANSACTION_ID`: This is not a transaction id.
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ValidationError"] | components["schemas"]["InvalidTransactionIdError"];
                };
            };
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getPaymentPaymentidBooking: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                paymentId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nights of one property for one user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Booking"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postPaymentPaymentidBooking: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                paymentId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nights of one property for one user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Booking"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            409: components["responses"]["BOOKING_CREATION_FAILED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postBookings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BookingRequest"];
            };
        };
        responses: {
            /** @description Nights of one property for one user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Booking"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             *     - `PAYMENT_PROCESSING`: Money is on its way for this order: wait for its end.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"] | components["schemas"]["PaymentProcessingError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
            502: components["responses"]["PAYMENT_CREATION_FAILED"];
        };
    };
    getUserBookings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nights of one property for one user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Booking"][];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    deleteBookingsBookingid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                bookingId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nights of one property for one user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Booking"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `PAYMENT_PROCESSING`: Money is on its way for this order: wait for its end.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["PaymentProcessingError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postBookingsBookingidUpdateCalendar: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                bookingId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            409: components["responses"]["CALENDAR_UPDATE_FAILED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postBookingsBookingidConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                bookingId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The conversation of a stay's user with its host. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Thread"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            409: components["responses"]["INVALID_AUCTION_STATE"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postBookingsBookingidSendConfirmation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                bookingId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            409: components["responses"]["EMAIL_SENDING_FAILED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postUsersAuth0Sync: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ProfileRequest"];
            };
        };
        responses: {
            /** @description A profile as its user sees it. `id` is the user's id everywhere in the API: the `sub` of their tokens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getAuctionsWinnersMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A win at an auction, or an offer that was accepted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Winner"][];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getAuctionsWinnersAuctionid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                auctionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A win at an auction, or an offer that was accepted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Winner"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsWinnersAuctionidAccept: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                auctionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["AcceptRequest"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsWinnersAuctionidDecline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                auctionId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["DeclineRequest"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             *     - `PAYMENT_PROCESSING`: Money is on its way for this order: wait for its end.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"] | components["schemas"]["PaymentProcessingError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getAuctionsOffersSecondChanceMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A second-chance offer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Offer"][];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getAuctionsOffersSecondChanceOfferid: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                offerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A second-chance offer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Offer"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsOffersSecondChanceOfferidAccept: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                offerId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["AcceptRequest"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsOffersSecondChanceOfferidDecline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                offerId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["DeclineRequest"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             *     - `PAYMENT_PROCESSING`: Money is on its way for this order: wait for its end.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"] | components["schemas"]["PaymentProcessingError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsOffersOfferidAccept: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                offerId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["AcceptRequest"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsOffersOfferidDecline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                offerId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["DeclineRequest"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            /**
             * @description - `INVALID_AUCTION_STATE`: The present state does not allow it: paid already, over, taken, or a payment is under way.
             *     - `OFFER_EXPIRED`: The time to pay for this offer is over.
             *     - `PAYMENT_PROCESSING`: Money is on its way for this order: wait for its end.
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InvalidAuctionStateError"] | components["schemas"]["OfferExpiredError"] | components["schemas"]["PaymentProcessingError"];
                };
            };
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postAuctionsAnalyticsDecline: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeclineReport"];
            };
        };
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getPropertiesPropertyidCalendar: {
        parameters: {
            query?: {
                /** @description The first. Default: today in Viet Nam. */
                from?: string;
                /** @description The last. Default: 90 days later. */
                to?: string;
            };
            header?: never;
            path: {
                propertyId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The host's view: no user, no stay, no price. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CalendarPage"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    postPropertiesPropertyidCalendarFeed: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                propertyId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The address of a calendar feed. The address is the authorization: keep it secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FeedAddress"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    deletePropertiesPropertyidCalendarFeed: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                propertyId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An empty object: the request was carried out. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Nothing"];
                };
            };
            400: components["responses"]["VALIDATION_ERROR"];
            401: components["responses"]["AUTH_REQUIRED"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
    getCalendarsFeed: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                feed: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/calendar": string;
                };
            };
            /** @description The caller's copy is the present one. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["VALIDATION_ERROR"];
            404: components["responses"]["NOT_FOUND"];
            413: components["responses"]["PAYLOAD_TOO_LARGE"];
            429: components["responses"]["RATE_LIMIT"];
            500: components["responses"]["INTERNAL_ERROR"];
        };
    };
}
